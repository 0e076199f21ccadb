"""What is wrong or risky in a task's data, why it matters, and one-click fixes."""

from eval.checks.check import check_task
from eval.checks.finding import Finding
from eval.checks.fixes import masked_kinds, mend_task
from eval.checks.private import masked
from eval.checks.wrong_labels import check_wrong_labels

__all__ = ["Finding", "check_task", "check_wrong_labels", "masked", "masked_kinds", "mend_task"]
