//! What the compiling process may ask of the kernel: memory, time, and the pipes that it was given. Whoever takes the
//! compiler over by what it compiles finds no file, no network, no other process.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// System calls that a compiler of one thread makes once its engine is asked for.
const ALLOWED: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Leaves this thread, and those that it starts, these calls; all others answer that they are not permitted. Where the
/// kernel sets no such filter, nothing changes.
pub fn confine() -> io::Result<()> {
    let Ok(machine) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(()) };
    let filter = filter(machine).map_err(io::Error::other)?;
    match apply_filter(&filter) {
        // A kernel that has no filters, or a sandbox around the host that lets nobody set one.
        Ok(()) | Err(Error::Seccomp(_) | Error::Prctl(_)) => Ok(()),
        Err(error) => Err(io::Error::other(error)),
    }
}

fn filter(machine: TargetArch) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    // It ends itself when it has no memory left; others it cannot signal.
    let own = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(std::process::id()))?;
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![own])?]);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, refused, SeccompAction::Allow, machine)?.try_into()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;

    use rustix::process::{Signal, kill_process};

    use super::*;
    use crate::plugin::compiler::Effort;
    use crate::plugin::engine::{Counting, compiling};

    #[test]
    fn who_is_confined_compiles_and_reaches_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let component =
            wat::parse_str("(component (core module (func (export \"f\") (result i32) i32.const 7)))").unwrap();
        let engine = compiling(Effort::Full, Counting::Off).unwrap();
        let parent = rustix::process::getppid().unwrap();
        // The filter is the thread's own, and goes with it.
        let confined = std::thread::spawn(move || {
            confine().unwrap();
            let refused = [
                File::open("/etc/hostname").map(drop),
                File::create(std::env::temp_dir().join("guildhall-seccomp")).map(drop),
                TcpStream::connect(address).map(drop),
                TcpListener::bind("127.0.0.1:0").map(drop),
                Command::new("/bin/true").spawn().map(drop),
                std::thread::Builder::new().spawn(|| ()).map(drop),
                kill_process(parent, Signal::CONT).map_err(io::Error::from),
            ];
            let refused = refused.map(|outcome| outcome.unwrap_err().kind());
            (refused, engine.precompile_component(&component).is_ok())
        });
        let (refused, is_compiled) = confined.join().unwrap();
        assert_eq!(refused, [io::ErrorKind::PermissionDenied; 7]);
        assert!(is_compiled);
        assert!(File::open("/etc/hostname").is_ok(), "the rest of the process is not");
    }
}
