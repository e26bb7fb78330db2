//! A step makes no call of the system, whatever the path, the cell and the number of sequences: it runs in a process that any
//! such call but the one to end it would end. A second process makes one, so that this means something.
//!
//! It has no harness, whose threads would be in the way.

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
}

#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "each test uses its part")]
mod problem;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus};

    use sumun_kernels::{Path, Prepared, Purpose, Scratch, StateMut};

    use super::problem::{Problem, dims, fused};

    /// What the processes do that this one starts.
    const ROLE: &str = "SUMUN_TEST_ROLE";
    /// Ended because the system takes no such filter.
    const NO_FILTER: i32 = 77;

    pub(crate) fn main() {
        match std::env::var(ROLE).as_deref() {
            Ok("steps") => steps(),
            Ok(_) => call(),
            Err(_) => {
                let [steps, call] = ["steps", "call"].map(run);
                if [steps, call].iter().any(|status| status.code() == Some(NO_FILTER)) {
                    eprintln!("not tested: this system lets no process refuse system calls (seccomp)");
                    return;
                }
                assert_eq!(call.signal(), Some(libc::SIGSYS), "a call ends the process: {call}");
                assert!(steps.success(), "a step called the system: {steps}");
            }
        }
    }

    fn run(role: &str) -> ExitStatus {
        let program = std::env::current_exe().unwrap();
        Command::new(program).env(ROLE, role).status().unwrap()
    }

    fn call() -> ! {
        refuse_calls();
        // SAFETY: both take nothing.
        unsafe {
            libc::getppid();
            libc::_exit(0)
        }
    }

    fn steps() -> ! {
        let mut all = Vec::new();
        for cell in fused() {
            for (hidden, sequences) in [(16, 1), (40, 1), (64, 1), (100, 1), (20, 3)] {
                let dims = dims(cell, 3, hidden, 1);
                let problem = Problem::new(dims, &[sequences], true, true, 1);
                for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                    let prepared = Prepared::new(dims, &problem.weights(), path, Purpose::Inference).unwrap();
                    all.push((
                        prepared,
                        problem.x.clone(),
                        problem.initial.clone().unwrap(),
                        Scratch::default(),
                    ));
                }
            }
        }
        let mut step_all = || {
            for (prepared, x, [hidden, cell], scratch) in &mut all {
                if prepared.step(x, StateMut { hidden, cell }, scratch).is_err() {
                    return false;
                }
            }
            true
        };
        // The first step fetches the memory that all need.
        assert!(step_all());
        refuse_calls();
        let done = (0..100).all(|_| step_all());
        // SAFETY: it takes a number.
        unsafe { libc::_exit(i32::from(!done)) }
    }

    /// From here on any system call but the one that ends it ends this process.
    fn refuse_calls() {
        let end = (libc::SYS_exit_group as u32, libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_KILL_PROCESS);
        let line = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
        let mut filter = [
            // The number of the call.
            line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
            line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, end.0),
            line(libc::BPF_RET | libc::BPF_K, 0, 0, end.1),
            line(libc::BPF_RET | libc::BPF_K, 0, 0, end.2),
        ];
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        let [none, one, mode] = [0, 1, libc::c_ulong::from(libc::SECCOMP_MODE_FILTER)];
        // SAFETY: the program is four lines, which the system copies.
        let taken = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, one, none, none, none) == 0
                && libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) == 0
        };
        if !taken {
            std::process::exit(NO_FILTER);
        }
    }
}
