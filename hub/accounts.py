"""Root's processes become a student's: without a way back, and within limits."""

import ctypes
import grp
import os
import pwd
import resource

STUDENTS, TEACHERS = "students", "teachers"  # groups of accounts
LIMITS = {
    resource.RLIMIT_DATA: 2 * 2**30,  # bytes, of each process
    resource.RLIMIT_NPROC: 256,  # processes and threads, of all that are the student's
    resource.RLIMIT_FSIZE: 2**30,  # bytes, of each file
    resource.RLIMIT_NOFILE: 4096,
    resource.RLIMIT_CORE: 0,
}
NICE = 5  # the hub and the proxy stay quick
NO_NEW_PRIVILEGES = 38  # prctl's number


def become(account: pwd.struct_passwd) -> None:
    """From here on this process is the account's, in all it may do; it must be root's before.

    It gives up its groups and ids, takes no rights from set-uid programs any more, and all limits
    are hard.

    Raises:
        PermissionError: the account is root, or the process could not give up all of its rights.
    """
    if not account.pw_uid or not account.pw_gid:
        raise PermissionError(f"account must be a student's or a teacher's, got {account.pw_name}")
    os.initgroups(account.pw_name, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    users, groups = {*os.getresuid()}, {*os.getresgid(), *os.getgroups()}
    if users != {account.pw_uid} or 0 in groups:
        raise PermissionError(f"{account.pw_name}: still user {users}, groups {groups}")
    if ctypes.CDLL(None, use_errno=True).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise PermissionError(os.strerror(ctypes.get_errno()))
    for kind, most in LIMITS.items():
        resource.setrlimit(kind, (most, most))
    os.nice(NICE)
    os.umask(0o077)


def members(group: str) -> list[pwd.struct_passwd]:
    """The accounts of a group, in the order of their names.

    Raises:
        ValueError: there is no such group.
    """
    try:
        names = grp.getgrnam(group).gr_mem
    except KeyError:
        raise ValueError(f"group must be one of this machine, got {group!r}") from None
    return [pwd.getpwnam(name) for name in sorted(names)]
