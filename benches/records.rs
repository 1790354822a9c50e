//! The pure hot paths of `produce` and `consume`: cutting input into lines, and NDJSON both ways. `cargo bench` runs
//! them, with records a second; nothing here asserts a time.

use std::{hint::black_box, io::Cursor};

use criterion::{Criterion, Throughput};
use kdev::kafka::{
    produce::Chunks,
    record::{Owned, decode, encode},
};

/// Records of one measurement: enough that the reading thread's start does not count.
const RECORDS: u64 = 100_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    lines(&mut criterion);
    ndjson(&mut criterion);
    criterion.final_summary();
}

/// Input to lines, as `produce --file` reads it.
fn lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lines");
    group.throughput(Throughput::Elements(RECORDS));
    // Each is a whole input of up to 100 MB, and the usual hundred would take minutes.
    group.sample_size(20);
    for size in [100, 1024] {
        let input: String = (0..RECORDS).map(|number| format!("{number:0width$}\n", width = size - 1)).collect();
        group.bench_function(format!("{size} B"), |bencher| {
            bencher.iter_batched(
                || Cursor::new(input.clone()),
                |input| {
                    let chunks = Chunks::of(input);
                    let mut bytes = 0;
                    while let Ok(chunk) = chunks.receiver().recv() {
                        let chunk = chunk.expect("memory can be read");
                        bytes += chunk.lines().map(|(_, line)| black_box(line).len()).sum::<usize>();
                        chunks.done_with(chunk);
                    }
                    bytes
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A record to a line of NDJSON and back, for the three shapes that differ in cost.
fn ndjson(criterion: &mut Criterion) {
    let plain = Owned {
        topic: "posts".to_owned(),
        partition: 3,
        offset: 17,
        timestamp: Some(1_763_856_000_000),
        key: Some(b"ada".to_vec()),
        value: Some(b"x".repeat(100)),
        headers: Vec::new(),
    };
    // JSON in JSON: each quotation mark is escaped, so that nothing can be borrowed from the line.
    let value = br#"{"sender":"ada","content":"a post of the usual length","created_at":"2026-11-22T10:00:00Z"}"#;
    let escaped = Owned { value: Some(value.to_vec()), ..plain.clone() };
    let headers = vec![(b"trace".to_vec(), Some(b"7f".to_vec())), (b"empty".to_vec(), None)];
    let binary = Owned { value: Some(vec![0xff; 100]), headers, ..plain.clone() };

    for (name, record) in [("plain", plain), ("escaped", escaped), ("binary, headers", binary)] {
        let mut line = Vec::new();
        encode(&mut line, &record);
        let mut group = criterion.benchmark_group("ndjson");
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("encode, {name}"), |bencher| {
            let mut out = Vec::with_capacity(line.len());
            bencher.iter(|| {
                out.clear();
                encode(&mut out, black_box(&record));
                out.len()
            });
        });
        group.bench_function(format!("decode, {name}"), |bencher| {
            bencher
                .iter(|| decode(black_box(&line)).expect("it was encoded just before").value.map(|value| value.len()));
        });
        group.finish();
    }
}
