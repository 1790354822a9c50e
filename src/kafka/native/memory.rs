//! The allocator's own rule that librdkafka's batches turn against us.

/// From this many bytes on an allocation has pages of its own. glibc begins with half of it.
#[cfg(target_env = "gnu")]
const OWN_PAGES_BYTES: libc::c_int = 256 << 10;

/// Lets each of librdkafka's batches, of up to 1 MB, have pages of its own, which go back to the kernel with it.
///
/// glibc takes the first such batch that is freed as a sign that more will follow, and puts all later ones among the
/// records (`mallopt(3)`, `M_MMAP_THRESHOLD`: the threshold is dynamic until it is set). There each leaves a hole that
/// records fill: producing ten million takes 69 MB with it, 47 MB without, in the same time.
///
/// To be called before there is a second thread. Other allocators know no such rule, and nothing is done.
pub fn give_batches_back() {
    // SAFETY: no pointer is passed, and no other thread reads the threshold yet. What it is set to is within glibc's
    // bounds; were it refused, memory would be as before.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_PAGES_BYTES);
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// Whether the allocation begins as one with pages of its own does: after glibc's header of two words.
    fn has_own_pages(bytes: &[u8]) -> bool {
        bytes.as_ptr().addr() % 4096 == 2 * size_of::<usize>()
    }

    const ALONE: &str = "KDEV_TEST_ALONE";
    const NAME: &str = "kafka::native::memory::tests::a_batch_has_pages_of_its_own_after_others_were_freed";

    #[test]
    fn a_batch_has_pages_of_its_own_after_others_were_freed() {
        // In a process of its own: beside other tests a batch may find room in what one of them has left.
        if std::env::var_os(ALONE).is_none() {
            let program = std::env::current_exe().expect("this program");
            let alone = std::process::Command::new(program).args(["--exact", NAME]).env(ALONE, "1").output();
            let said = String::from_utf8(alone.expect("it runs").stdout).expect("text");
            return assert!(said.contains("test result: ok. 1 passed"), "{said}");
        }
        give_batches_back();
        let batch = || std::hint::black_box(vec![1_u8; 1 << 20]);
        drop([batch(), batch()]);
        // A few bytes more each time, so that what lies among others does not begin at the same place by chance.
        let later: Vec<Vec<u8>> = (0..8).map(|more| std::hint::black_box(vec![1; (1 << 20) + 48 * more])).collect();
        assert!(later.iter().all(|batch| has_own_pages(batch)));
        // One of them may begin where pages do.
        let records: Vec<Vec<u8>> = (0..8).map(|more| std::hint::black_box(vec![1; 1000 + 48 * more])).collect();
        assert!(!records.iter().all(|record| has_own_pages(record)), "records lie among others");
    }
}
