//! What Linux's /proc tells of this machine's processes: which one listens on a port, how much memory one takes.

use std::{fs, path::Path};

/// The process that listens on a TCP port of this machine: its name and id. None where there is none,
/// where it belongs to somebody else, or where there is no /proc.
pub(super) fn listener(port: u16) -> Option<(String, u32)> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| inodes(&table, port))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if holds_one(&process.path(), &inodes) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some((name.trim().to_owned(), pid));
        }
    }
    None
}

/// Bytes in which the main process of a container resides, if it is a process of this machine: an engine elsewhere, or
/// in a virtual machine, counts its own, and a stranger here may have the same number. Its control groups bear the
/// container's id, as Docker and Podman name them.
pub(super) fn resident(pid: u32, container: &str) -> Option<u64> {
    let about = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    about("cgroup").filter(|groups| is_in(groups, container))?;
    resident_kib(&about("status")?).map(|kib| kib << 10)
}

fn is_in(groups: &str, container: &str) -> bool {
    !container.is_empty() && groups.contains(container)
}

/// The line `VmRSS:     1788 kB` of proc_pid_status(5).
fn resident_kib(status: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    rest.trim().strip_suffix(" kB")?.parse().ok()
}

/// The sockets that listen on the port, by the kernel's table.
fn inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let lines = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = fields.get(1)?.rsplit_once(':')?;
        let here = u16::from_str_radix(local, 16).ok()? == port && *fields.get(3)? == LISTEN;
        here.then(|| fields.get(9)?.parse().ok()).flatten()
    });
    lines.collect()
}

fn holds_one(process: &Path, inodes: &[u64]) -> bool {
    let Ok(open) = fs::read_dir(process.join("fd")) else { return false };
    open.flatten().filter_map(|fd| fs::read_link(fd.path()).ok()).any(|target| {
        let name = target.to_string_lossy();
        let inode = name.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        inode.and_then(|inode| inode.parse().ok()).is_some_and(|inode| inodes.contains(&inode))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listening_socket_on_the_port_counts() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0\n\
             1: 0100007F:2384 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4343 1 0\n\
             2: 0100007F:2385 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4444 1 0\n";
        assert_eq!(inodes(table, 9092), [4242]);
    }

    #[test]
    fn a_process_belongs_to_the_container_that_its_control_groups_name() {
        assert!(is_in("0::/system.slice/docker-11fead.scope\n", "11fead"), "by systemd");
        assert!(is_in("4:memory:/docker/11fead\n0::/\n", "11fead"), "by cgroupfs, version 1");
        assert!(!is_in("0::/user.slice\n", "11fead"), "another process with this number");
        assert!(!is_in("0::/user.slice\n", ""));
    }

    #[test]
    fn what_a_process_resides_in_is_told_in_kib() {
        assert_eq!(resident_kib("Name:\tjava\nVmHWM:\t    2000 kB\nVmRSS:\t    1788 kB\n"), Some(1788));
        assert_eq!(resident_kib("Name:\tkthreadd\n"), None, "a thread of the kernel has no memory");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_listener_of_this_process_is_found() {
        let listener_here = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = listener_here.local_addr().expect("bound").port();
        assert_eq!(listener(port).map(|found| found.1), Some(std::process::id()));
        drop(listener_here);
        assert_eq!(listener(port), None);
    }
}
