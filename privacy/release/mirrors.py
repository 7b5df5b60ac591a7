"""What of the releases is written at the employers' side and copied to the members' one."""

from privacy.release.note_copies import ReleaseNoteCopy
from privacy.release.noted import ReleaseNote
from privacy.tenants.copying import Mirror

MIRRORS = (Mirror(ReleaseNote, ReleaseNoteCopy),)
