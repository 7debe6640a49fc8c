"""TaskRecorder: the observer that keeps the task's record, which get_tasks shows, up to date."""

import logging
from datetime import datetime
from typing import Any, Callable, Dict, Optional

from jqtrade.account.journal import JobRun
from jqtrade.account.observer import Observer, Plan
from jqtrade.account.refusals import RefusedOrders
from jqtrade.account.request import describe
from jqtrade.masking import Masker


class TaskRecorder(Observer):
    """Writes what the strategy is doing, how often it has, what went wrong last, and what comes next."""

    def __init__(self, update: Callable[..., None], masker: Masker) -> None:
        """`update` takes fields of TaskInfo."""
        self._update = update
        self._masker = masker
        self._fields: Dict[str, Any] = {"jobs_run": 0, "jobs_failed": 0, "last_error": None}
        self._has_error = False
        """whether last_error is more than a warning"""

    def job_started(self, run: JobRun) -> None:
        self._fields.update(current_job=run.name, current_since=moment_text(run.started))

    def job_finished(self, run: JobRun) -> None:
        outer = run.outer
        self._fields.update(
            current_job=None if outer is None else outer.name,
            current_since=None if outer is None else moment_text(outer.started),
            jobs_run=self._fields["jobs_run"] + 1,
        )
        if run.error:
            self._has_error = True
            self._fields.update(jobs_failed=self._fields["jobs_failed"] + 1, last_error=run.error)

    def job_missed(self, text: str, level: int) -> None:
        """As bad as a job that failed; one that only ran late is less than that, and takes the place of no error."""
        if level >= logging.ERROR or not self._has_error:
            self._has_error = level >= logging.ERROR
            self._fields["last_error"] = text

    def planned(self, plan: Plan) -> None:
        self._fields.update(
            next_job=plan.next_job,
            next_time=moment_text(plan.next_time),
            calendar_ends=None if plan.calendar_ends is None else str(plan.calendar_ends),
            **self._refusals(plan.refused),
        )
        self._update(**self._fields)

    def _refusals(self, refused: Optional[RefusedOrders]) -> Dict[str, Any]:
        if refused is None:
            return {"refusals_day": None, "orders_unsent": 0, "orders_rejected": 0, "last_refusal": None}
        last = refused.last
        return {
            "refusals_day": str(refused.day),
            "orders_unsent": refused.unsent,
            "orders_rejected": refused.by_broker,
            "last_refusal": self._masker(f"{last.create_time:%H:%M:%S} {describe(last)}，{last.err_msg}"),
        }


def moment_text(moment: Optional[datetime]) -> Optional[str]:
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")
