"""A language model as the judge of written answers: what it is asked, how far it agrees with a person, and what its
rulings say once its errors are accounted for."""
