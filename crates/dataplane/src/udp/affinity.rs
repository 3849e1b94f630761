//! Which cores a worker may run on.

use std::io;
use std::mem;

/// The cores this process may run on, in ascending order; at most 1,024 are looked at.
pub(crate) fn cores() -> io::Result<Vec<usize>> {
    // SAFETY: `cpu_set_t` is an array of integers, for which zero octets are a valid value; the kernel is told its true length and writes
    // no further; `CPU_ISSET` is asked for bits within it.
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((0..libc::CPU_SETSIZE as usize).filter(|&core| libc::CPU_ISSET(core, &set)).collect())
    }
}

/// Has the calling thread run on `core` alone.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    // SAFETY: as in `cores`; `CPU_SET` sets nothing beyond the set's end.
    let result = unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_has_its_core_and_no_other() {
        let all = cores().unwrap();
        let last = *all.last().unwrap();
        std::thread::scope(|scope| {
            let seen = scope.spawn(|| {
                pin(last).unwrap();
                cores().unwrap()
            });
            assert_eq!(seen.join().unwrap(), [last]);
        });
        assert_eq!(cores().unwrap(), all);
        assert!(pin(libc::CPU_SETSIZE as usize - 1).is_err());
    }
}
