"""What a run found: the figures of a report, made from its trials. The words for them are in `advisor.sections`."""
