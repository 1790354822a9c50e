//! Tests of the build context: what is sent, and when its hash changes.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use futures_util::TryStreamExt;

use super::context::Context;
use crate::{
    error::Kind,
    plan::BuildSource,
    template::{self, EmbeddedFiles},
};

const EMBEDDED: EmbeddedFiles = &[
    ("Dockerfile", b"FROM scratch\nCOPY app /app\n"),
    (".dockerignore", b"*\n!app\n"),
    ("app/main.py", b"print(1)\n"),
    ("kdev.toml", b"name = 'x'\n"),
];

/// The embedded files, written out.
fn written() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (path, content) in EMBEDDED {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
    directory
}

fn open(directory: &Path) -> Context {
    let source = BuildSource::Directory(directory.to_owned());
    Context::open("producer", &source, "Dockerfile", &[]).expect("a context")
}

fn digest(directory: &Path) -> String {
    open(directory).digest(&BTreeMap::new()).expect("a digest")
}

fn paths(context: &Context) -> Vec<String> {
    context.entries.iter().map(|entry| entry.path.to_string_lossy().into_owned()).collect()
}

#[test]
fn ignored_files_stay_here_but_the_builders_own_are_sent() {
    let directory = written();
    fs::create_dir_all(directory.path().join("target/debug")).expect("made");
    fs::write(directory.path().join("target/debug/big"), "x").expect("written");
    assert_eq!(paths(&open(directory.path())), [".dockerignore", "Dockerfile", "app", "app/main.py"]);
}

#[test]
fn the_dockerfiles_own_ignore_file_goes_before_the_common_one() {
    let directory = written();
    fs::write(directory.path().join("Dockerfile.dockerignore"), "app\n*.toml\n").expect("written");
    assert_eq!(paths(&open(directory.path())), [".dockerignore", "Dockerfile", "Dockerfile.dockerignore"]);
}

#[test]
fn embedded_files_and_the_same_files_written_out_are_one_context() {
    let embedded = Context::open("producer", &BuildSource::Embedded, "Dockerfile", EMBEDDED).expect("a context");
    let directory = written();
    assert_eq!(embedded.digest(&BTreeMap::new()).expect("a digest"), digest(directory.path()));
}

#[test]
fn the_hash_follows_content_names_links_the_executable_bit_and_arguments_not_times() {
    let directory = written();
    let app = directory.path().join("app");
    let mut seen = vec![digest(directory.path())];
    let mut changed = |what: &str| {
        let now = digest(directory.path());
        assert!(!seen.contains(&now), "{what} did not change the hash");
        seen.push(now);
    };
    fs::write(app.join("main.py"), "print(2)\n").expect("written");
    changed("content");
    fs::rename(app.join("main.py"), app.join("main2.py")).expect("renamed");
    changed("a name");
    fs::set_permissions(app.join("main2.py"), fs::Permissions::from_mode(0o755)).expect("set");
    changed("the executable bit");
    symlink("main2.py", app.join("link")).expect("linked");
    changed("a link");
    fs::write(directory.path().join("kdev.toml"), "other").expect("written");
    let file = fs::File::open(app.join("main2.py")).expect("opened");
    file.set_modified(std::time::UNIX_EPOCH).expect("set");
    fs::set_permissions(app.join("main2.py"), fs::Permissions::from_mode(0o700)).expect("set");
    assert_eq!(seen.last(), Some(&digest(directory.path())), "what is not sent does not count");
    let args = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
    assert_ne!(seen.last(), Some(&open(directory.path()).digest(&args).expect("a digest")));
}

#[test]
fn what_is_missing_is_named_with_its_app_and_the_remedy() {
    let directory = tempfile::tempdir().expect("a directory");
    for (root, expected) in [
        (directory.path().join("no"), "the build context of app `producer` does not exist: "),
        (directory.path().to_owned(), "the Dockerfile of app `producer` does not exist: "),
    ] {
        let source = BuildSource::Directory(root);
        let error = Context::open("producer", &source, "Dockerfile", &[]).expect_err("missing");
        assert_eq!(error.kind, Kind::Usage);
        assert!(error.message.starts_with(expected), "{}", error.message);
        assert!(error.hints[0].starts_with("kdev init"));
    }
}

#[test]
fn a_broken_pattern_is_told_with_file_and_line() {
    let directory = written();
    fs::write(directory.path().join(".dockerignore"), "a\n[b\n").expect("written");
    let source = BuildSource::Directory(directory.path().to_owned());
    let error = Context::open("producer", &source, "Dockerfile", &[]).expect_err("broken");
    assert_eq!(error.message, ".dockerignore, line 2: `[b` is no pattern");
}

#[tokio::test]
async fn the_archive_holds_files_links_and_modes() {
    let directory = written();
    let app = directory.path().join("app");
    symlink("main.py", app.join("link")).expect("linked");
    fs::set_permissions(app.join("main.py"), fs::Permissions::from_mode(0o770)).expect("set");
    let (stream, making) = super::tarball::stream(open(directory.path()));
    let chunks: Vec<_> = stream.try_collect().await.expect("a stream");
    making.await.expect("ended").expect("made");
    let bytes = chunks.concat();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut seen = Vec::new();
    for entry in archive.entries().expect("entries") {
        let mut entry = entry.expect("whole");
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("read");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        let link = entry.link_name().expect("a link").map(|name| name.to_string_lossy().into_owned());
        seen.push(format!("{path} {:o} {}", entry.header().mode().expect("a mode"), link.unwrap_or(text)));
    }
    assert_eq!(
        seen,
        [
            ".dockerignore 644 *\n!app\n",
            "Dockerfile 644 FROM scratch\nCOPY app /app\n",
            "app 755 ",
            "app/link 777 main.py",
            "app/main.py 755 print(1)\n"
        ]
    );
}

#[tokio::test]
async fn a_file_that_vanishes_breaks_the_stream_and_is_named() {
    let directory = written();
    let context = open(directory.path());
    fs::remove_file(directory.path().join("app/main.py")).expect("removed");
    let (stream, making) = super::tarball::stream(context);
    assert!(stream.try_collect::<Vec<_>>().await.is_err());
    let error = making.await.expect("ended").expect_err("unreadable");
    assert!(error.message.starts_with("app/main.py cannot be read: "), "{}", error.message);
}

#[test]
fn a_module_beside_the_built_in_app_gets_into_its_image_and_what_python_makes_does_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let made = ["helper.py", "__pycache__/helper.pyc", "test_helper.py", "parts/more.py", "parts/__pycache__/more.pyc"];
    let made = made.map(|path| (format!("consumer/{path}"), &b"x"[..]));
    let written = template::APPS.iter().map(|(path, content)| ((*path).to_owned(), *content));
    for (path, content) in written.chain(made) {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
    let source = BuildSource::Directory(directory.path().to_owned());
    let context = Context::open("consumer", &source, "Dockerfile.consumer", &[]).expect("a context");
    let sent = [
        ".dockerignore",
        "Dockerfile.consumer",
        "consumer",
        "consumer/consumer.py",
        "consumer/helper.py",
        "consumer/parts",
        "consumer/parts/more.py",
        "consumer/requirements.txt",
    ];
    assert_eq!(paths(&context), sent);
    let (_, dockerfile) = template::APPS.iter().find(|(path, _)| *path == "Dockerfile.consumer").expect("built in");
    assert!(String::from_utf8_lossy(dockerfile).contains("\nCOPY consumer/ .\n"), "all of it is copied");
}
