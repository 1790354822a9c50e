//! What containers say and are told: logs and commands.

use futures_util::{StreamExt, TryStreamExt};
use kdev::docker::{Chunk, LogPosition, LogQuery, LogStream};
use tokio::io::AsyncWriteExt;

use super::Trial;

#[tokio::test]
async fn logs_are_whole_lines_of_both_outputs_to_the_last_one() {
    let Some(trial) = Trial::new().await else { return };
    trial.engine.create_network(&trial.network()).await.expect("made");
    let python = "import sys, time\nprint('one')\ntime.sleep(.1)\nprint('two', file=sys.stderr)\ntime.sleep(.1)\n\
                  print('x' * 40000)\nsys.stdout.buffer.write(b'\\xff\\n')\ntime.sleep(1)\nsys.stdout.write('last')";
    let id = trial.run(&trial.container("talker", python)).await;
    let follow = LogQuery { follow: true, ..LogQuery::default() };
    let followed: Vec<_> = trial.engine.logs(&id, follow).try_collect().await.expect("lines");
    let texts: Vec<String> = followed.iter().map(|line| line.line.replace(&"x".repeat(40000), "X")).collect();
    assert_eq!(texts, ["one", "two", "X", "\u{fffd}", "last"]);
    assert_eq!(followed[1].stream, LogStream::Stderr);
    assert!(followed.windows(2).all(|pair| pair[0].time <= pair[1].time));
    let read: Vec<_> = trial.engine.logs(&id, LogQuery::default()).try_collect().await.expect("lines");
    assert!(read == followed, "{} lines", read.len());
    let since = LogQuery { after: LogPosition::since(Some(followed[3].time)), ..LogQuery::default() };
    let later: Vec<_> = trial.engine.logs(&id, since).try_collect().await.expect("lines");
    // Podman's times are whole seconds.
    let first = followed.iter().position(|line| line.time >= followed[3].time).unwrap_or(0);
    assert!(later == followed[first..], "{} lines", later.len());
    if !trial.podman {
        // Podman's own counting goes wrong after a line that came in pieces.
        assert_eq!(trial.engine.tail(&id, 2).await.expect("lines"), ["\u{fffd}", "last"]);
    }
    let error = trial.engine.tail("no-such-container", 2).await.expect_err("gone");
    assert!(error.message.to_lowercase().contains("no such container"), "{}", error.message);
    trial.clear().await;
}

#[tokio::test]
async fn commands_have_input_outputs_a_terminal_and_an_exit_code() {
    let Some(trial) = Trial::new().await else { return };
    trial.engine.create_network(&trial.network()).await.expect("made");
    let id = trial.run(&trial.container("host", "import time; time.sleep(600)")).await;
    let python = "import sys; data = sys.stdin.read(); print(data.upper()); print('e', file=sys.stderr); sys.exit(7)";
    let argv = ["python3", "-c", python].map(str::to_owned);
    let mut exec = trial.engine.exec(&id, &argv, false, true).await.expect("attached");
    exec.input.write_all(b"words").await.expect("written");
    exec.input.shutdown().await.expect("ended");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(chunk) = exec.output.next().await {
        match chunk.expect("a chunk") {
            Chunk::Out(bytes) => out.extend_from_slice(&bytes),
            Chunk::Err(bytes) => err.extend_from_slice(&bytes),
        }
    }
    assert_eq!((out.as_slice(), err.as_slice()), (&b"WORDS\n"[..], &b"e\n"[..]));
    assert_eq!(exec.control.exit_code().await.expect("noted"), 7);

    let python = "import os, sys, time\nprint(sys.stdin.isatty())\nsize = os.get_terminal_size\n\
                  while size().columns != 33: time.sleep(.02)\nprint(size().lines)";
    let argv = ["python3", "-c", python].map(str::to_owned);
    let mut exec = trial.engine.exec(&id, &argv, true, true).await.expect("attached");
    exec.control.resize(33, 11).await.expect("told");
    let mut shown = Vec::new();
    while let Some(chunk) = exec.output.next().await {
        let (Chunk::Out(bytes) | Chunk::Err(bytes)) = chunk.expect("a chunk");
        shown.extend_from_slice(&bytes);
    }
    assert_eq!(String::from_utf8_lossy(&shown), "True\r\n11\r\n");
    assert_eq!(exec.control.exit_code().await.expect("noted"), 0);
    let error = trial.engine.exec(&id, &["no-such-program".to_owned()], false, false).await;
    if let Ok(mut exec) = error {
        while exec.output.next().await.is_some() {}
        assert!(matches!(exec.control.exit_code().await.expect("noted"), 126 | 127));
    }
    trial.clear().await;
}
