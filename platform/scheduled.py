"""The jobs and the copied tables of all floors, concatenated."""

from collections.abc import Sequence

from admin import registry as admin
from incentives import registry as incentives
from privacy import registry as privacy
from privacy.jobs import Job
from privacy.release import mirrors
from privacy.tenants import copying
from programs import registry as programs

JOBS: Sequence[Job] = (*privacy.JOBS, *admin.JOBS, *incentives.JOBS, *programs.JOBS)
"""In the order in which they run when several are due."""

MIRRORS: Sequence[copying.Mirror] = (*copying.MIRRORS, *mirrors.MIRRORS, *programs.MIRRORS, *admin.MIRRORS)
