//! Seccomp: from here on the process makes no system calls but these.
//!
//! It starts no other process, and does not trace, mount, load or configure anything. What is not in the list fails with
//! `EPERM`. `clone3`, whose flags a filter cannot see, fails as on a kernel without it; the C library then uses `clone`.

use libc::c_long;
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Let through whatever the arguments.
const ALLOWED: &[c_long] = &[
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_memfd_create,
    libc::SYS_mincore,
    libc::SYS_mlock,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_msync,
    libc::SYS_munlock,
    libc::SYS_munmap,
    // Threads, and waiting.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_get_robust_list,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    // Signals to this process, and their handlers.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_signalfd4,
    // Time.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getitimer,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
    libc::SYS_times,
    // Descriptors.
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_splice,
    libc::SYS_write,
    libc::SYS_writev,
    // Files: which ones is for landlock to say.
    libc::SYS_copy_file_range,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fdatasync,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_linkat,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_readahead,
    libc::SYS_readlinkat,
    libc::SYS_renameat2,
    libc::SYS_sendfile,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_symlinkat,
    libc::SYS_sync_file_range,
    libc::SYS_truncate,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
    // Sockets; which ones are made is below.
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_listen,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    // What the process is.
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getrandom,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_uname,
];

/// Older forms of the same, which this architecture has too.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_epoll_wait,
    libc::SYS_getdents,
    libc::SYS_getrlimit,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_symlink,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(target_arch = "aarch64")]
const OLDER: &[c_long] = &[libc::SYS_renameat];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const OLDER: &[c_long] = &[];

/// Requests to devices: of terminals only questions, so that nothing is typed for their user.
#[allow(clippy::unnecessary_cast, reason = "the type differs between C libraries")]
const REQUESTS: &[u64] = &[
    libc::FIONBIO as u64,
    libc::FIONREAD as u64,
    libc::FIOCLEX as u64,
    libc::TCGETS as u64,
    libc::TIOCGWINSZ as u64,
    libc::TIOCOUTQ as u64,
    libc::SIOCGIFINDEX as u64,
    libc::SIOCGIFNAME as u64,
    // PAGEMAP_SCAN: wasmtime asks which pages a program has written.
    0xc060_6610,
];

/// What a process may set of itself: names of threads and of memory.
const SETTINGS: &[u64] = &[libc::PR_SET_NAME as u64, libc::PR_GET_NAME as u64, libc::PR_SET_VMA as u64];

/// Restricts the whole process.
///
/// # Errors
/// Why it is not restricted.
pub(super) fn restrict() -> Result<(), String> {
    install(|program| seccompiler::apply_filter_all_threads(program))
}

fn install(apply: impl Fn(&BpfProgram) -> Result<(), Error>) -> Result<(), String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|_| "there is no list for this processor")?;
    let programs = [without_clone3(arch), allow_list(arch)];
    for program in programs {
        let program = program.map_err(|error| error.to_string())?;
        apply(&program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn without_clone3(arch: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let rules = [(libc::SYS_clone3, Vec::new())].into_iter().collect();
    SeccompFilter::new(rules, SeccompAction::Allow, missing, arch)?.try_into()
}

fn allow_list(arch: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
    let own = u64::from(std::process::id());
    let always = ALLOWED.iter().chain(OLDER).map(|call| (*call, Vec::new()));
    let sometimes = [
        // See `without_clone3`, whose answer is the stricter one.
        (libc::SYS_clone3, Vec::new()),
        (libc::SYS_clone, vec![SeccompRule::new(vec![bits(0, libc::CLONE_THREAD as u64)?])?]),
        (libc::SYS_ioctl, one_of(1, REQUESTS)?),
        (libc::SYS_prctl, one_of(0, SETTINGS)?),
        (libc::SYS_prlimit64, one_of(0, &[0, own])?),
        (libc::SYS_kill, one_of(0, &[own])?),
        (libc::SYS_tgkill, one_of(0, &[own])?),
        (libc::SYS_socketpair, one_of(0, &[libc::AF_UNIX as u64])?),
        (libc::SYS_socket, sockets()?),
    ];
    let rules = always.chain(sometimes).collect();
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, denied, SeccompAction::Allow, arch)?.try_into()
}

/// TCP and UDP, Unix sockets, and what the resolver asks the kernel about addresses with.
fn sockets() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    const KIND: u64 = 0xf;
    let kind = |kind: libc::c_int| SeccompCondition::new(1, Dword, SeccompCmpOp::MaskedEq(KIND), kind as u64);
    let family = |family: libc::c_int| equals(0, family as u64);
    let mut rules = vec![
        SeccompRule::new(vec![family(libc::AF_UNIX)?])?,
        SeccompRule::new(vec![family(libc::AF_NETLINK)?, equals(2, libc::NETLINK_ROUTE as u64)?])?,
    ];
    for ip in [libc::AF_INET, libc::AF_INET6] {
        for transport in [libc::SOCK_STREAM, libc::SOCK_DGRAM] {
            rules.push(SeccompRule::new(vec![family(ip)?, kind(transport)?])?);
        }
    }
    Ok(rules)
}

fn one_of(argument: u8, values: &[u64]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    values.iter().map(|value| SeccompRule::new(vec![equals(argument, *value)?])).collect()
}

fn equals(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    // The kernel looks at 32 bits of all that is compared here.
    SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value & u64::from(u32::MAX))
}

fn bits(argument: u8, mask: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(mask), mask)
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind, Read, Write};
    use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
    use std::process::Command;

    use super::*;

    /// Runs a test in a thread of its own, which is all that is restricted.
    fn restricted(test: impl FnOnce() + Send) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                install(|program| seccompiler::apply_filter(program)).unwrap();
                test();
            });
        });
    }

    /// What a system call with these arguments is answered.
    #[expect(unsafe_code, reason = "there is no safe way to make a call that must be refused")]
    fn call(number: c_long, arguments: [u64; 3]) -> io::Result<()> {
        // SAFETY: what is called here is refused before it looks at its arguments; none is a pointer.
        let result = unsafe { libc::syscall(number, arguments[0], arguments[1], arguments[2]) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    #[test]
    fn no_process_is_started() {
        restricted(|| {
            let spawned = Command::new("/bin/true").status();
            assert_eq!(spawned.unwrap_err().raw_os_error(), Some(libc::EPERM));
        });
    }

    #[test]
    fn what_a_service_never_needs_is_refused() {
        restricted(|| {
            let refused = [
                libc::SYS_execve,
                libc::SYS_execveat,
                libc::SYS_ptrace,
                libc::SYS_process_vm_readv,
                libc::SYS_process_vm_writev,
                libc::SYS_mount,
                libc::SYS_umount2,
                libc::SYS_unshare,
                libc::SYS_setns,
                libc::SYS_bpf,
                libc::SYS_keyctl,
                libc::SYS_add_key,
                libc::SYS_perf_event_open,
                libc::SYS_io_uring_setup,
                libc::SYS_userfaultfd,
                libc::SYS_chroot,
                libc::SYS_setuid,
                libc::SYS_capset,
                libc::SYS_fchmodat,
                libc::SYS_fchownat,
                libc::SYS_pidfd_open,
                libc::SYS_init_module,
                libc::SYS_kexec_load,
            ];
            for number in refused {
                assert_eq!(call(number, [0; 3]).unwrap_err().raw_os_error(), Some(libc::EPERM), "call {number}");
            }
            let clone3 = call(libc::SYS_clone3, [0; 3]);
            assert_eq!(clone3.unwrap_err().raw_os_error(), Some(libc::ENOSYS));
        });
    }

    #[test]
    #[allow(clippy::unnecessary_cast, reason = "the type differs between C libraries")]
    fn arguments_decide_where_a_call_has_more_than_one_use() {
        restricted(|| {
            let refused = [
                // Other processes are not signalled; 1 is always there.
                (libc::SYS_kill, [1, 0, 0]),
                (libc::SYS_tgkill, [1, 1, 0]),
                (libc::SYS_prlimit64, [1, 0, 0]),
                // A fork, and a thread's flags without its own.
                (libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0]),
                // Raw sockets, and other families.
                (libc::SYS_socket, [libc::AF_INET as u64, libc::SOCK_RAW as u64, 1]),
                (libc::SYS_socket, [libc::AF_PACKET as u64, libc::SOCK_DGRAM as u64, 0]),
                (libc::SYS_socket, [libc::AF_NETLINK as u64, libc::SOCK_RAW as u64, 9]),
                (libc::SYS_socket, [libc::AF_VSOCK as u64, libc::SOCK_STREAM as u64, 0]),
                // A character typed into the terminal.
                (libc::SYS_ioctl, [0, libc::TIOCSTI as u64, 0]),
                (libc::SYS_prctl, [libc::PR_SET_DUMPABLE as u64, 1, 0]),
            ];
            for (number, arguments) in refused {
                let answer = call(number, arguments).unwrap_err();
                assert_eq!(answer.raw_os_error(), Some(libc::EPERM), "call {number} with {arguments:?}");
            }
        });
    }

    #[test]
    fn threads_sockets_names_and_files_work() {
        restricted(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let client = std::thread::spawn(move || {
                let mut client = TcpStream::connect(address).unwrap();
                client.set_nonblocking(false).unwrap();
                client.write_all(b"hello").unwrap();
            });
            let mut text = String::new();
            listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
            client.join().unwrap();
            assert_eq!(text, "hello");
            UdpSocket::bind("127.0.0.1:0").unwrap();
            assert!("localhost:80".to_socket_addrs().unwrap().next().is_some());
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("file"), "text").unwrap();
            std::fs::rename(folder.path().join("file"), folder.path().join("other")).unwrap();
            let missing = std::fs::read(folder.path().join("file")).unwrap_err();
            assert_eq!(missing.kind(), ErrorKind::NotFound);
            // Where the process ends itself, it can.
            assert_eq!(call(libc::SYS_kill, [u64::from(std::process::id()), 0, 0]).ok(), Some(()));
        });
    }
}
