//! What Linux's /proc tells of this machine's processes: which one listens on a port, how much memory one takes.

use std::{fs, path::Path};

/// The process that listens on a TCP port of this machine: its name and id. None where there is none,
/// where it belongs to somebody else, or where there is no /proc. Where several have the socket, it is the one that was
/// there first: a server and not its workers, nor a child that is about to become another program.
pub(super) fn listener(port: u16) -> Option<(String, u32)> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| inodes(&table, port))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten().filter_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        Some((pid, process.path())).filter(|(_, path)| holds_one(path, &inodes))
    });
    // One that has ended since is none.
    let begun = processes.filter_map(|(pid, path)| {
        let begun = begun(&fs::read_to_string(path.join("stat")).ok()?)?;
        Some((begun, pid, fs::read_to_string(path.join("comm")).ok()?))
    });
    begun.min().map(|(_, pid, name)| (name.trim().to_owned(), pid))
}

/// When a process began, in ticks since the machine did: the field `starttime` of proc_pid_stat(5), the 20th after the
/// name, which is in parentheses and may have some of its own.
fn begun(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
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

    #[test]
    fn when_a_process_began_stands_behind_whatever_its_name_is() {
        let stat =
            |name: &str| format!("4711 ({name}) S 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 987654 1 2 3\n");
        assert_eq!(begun(&stat("java")), Some(987_654));
        assert_eq!(begun(&stat("a) S 1 (b")), Some(987_654));
        assert_eq!(begun("4711 (java) S 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_listener_of_this_process_is_found_and_no_child_that_has_its_socket_too() {
        use std::process::{Command, Stdio};
        let listener_here = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = listener_here.local_addr().expect("bound").port();
        let this = Some(std::process::id());
        assert_eq!(listener(port).map(|found| found.1), this);
        let inherited = std::os::fd::OwnedFd::from(listener_here.try_clone().expect("a second descriptor"));
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(inherited)).spawn().expect("started");
        let found = listener(port);
        child.kill().and_then(|()| child.wait()).expect("ended");
        assert_eq!(found.map(|found| found.1), this, "the numbers of processes begin anew: the child's may be smaller");
        drop(listener_here);
        assert_eq!(listener(port), None);
    }
}
