//! The layout of a prepared image: what kdev adds, once, to a Kafka image so that every later start is fast.
//!
//! A prepared image is the Kafka image plus one layer under `/opt/kdev`. The commit that makes it is atomic, and
//! its labels tell which image it was made from: so a half-done preparation cannot be mistaken for a whole one.

use std::collections::BTreeMap;

use super::class_path;
use crate::model::{Role, label};

/// The JVM's argument file: class path, class-data archive, logging.
pub const JAVA_ARGS: &str = "/opt/kdev/java.args";
/// The same for nodes with plug-ins, which take the usual class path and no archive.
pub const PLUG_IN_ARGS: &str = "/opt/kdev/plug-in.args";
/// An empty file, for Kafka wants one; the settings come on the command line.
pub const SERVER_PROPERTIES: &str = "/opt/kdev/server.properties";
/// How Kafka logs.
pub const LOG_PROPERTIES: &str = "/opt/kdev/log4j2.properties";
/// What a node's container runs: `templates/node.sh`.
pub const NODE_SCRIPT: &str = "/opt/kdev/node.sh";
/// What a new controller's storage begins with, one of [`FIRST_METADATA`] below it.
pub const FIRST: &str = "/opt/kdev/first";
/// Where a release's own format command puts the records with which a new cluster's metadata begin, below the storage
/// directory. To 4.3 a file that the first controller reads; from 4.4 on the metadata's first snapshot.
pub const FIRST_METADATA: [&str; 2] =
    ["bootstrap.checkpoint", "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint"];
/// The class-data archive, trained with this very JVM and these very jars.
pub const CLASS_ARCHIVE: &str = "/opt/kdev/kafka.jsa";
/// Kafka's main class.
pub const KAFKA_CLASS: &str = "kafka.Kafka";
/// Kafka's jars in the image: the one place that kdev depends on, beside `java` and `sh` on the PATH.
pub const LIBS: &str = "/opt/kafka/libs";
/// Counts up when the layout, or what the archive was trained with, changes: older images are not used.
pub const LAYOUT: &str = "9";
/// The repository name of prepared images.
pub const REPOSITORY: &str = "kdev-prepared/kafka";

/// The tag for a base image's id: its first 12 hex digits.
pub fn tag(base: &str) -> String {
    let digits = base.strip_prefix("sha256:").unwrap_or(base);
    format!("{REPOSITORY}:{}", digits.get(..12).unwrap_or(digits))
}

/// The labels by which the image is found again. It belongs to all projects, so it names none.
pub fn labels(base: &str) -> BTreeMap<String, String> {
    [(label::ROLE, Role::Prepared.as_str()), (label::BASE, base), (label::SPEC, LAYOUT)]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The flag is a diagnostic one; a JVM that does not have it is to start all the same.
const IN_PLACE: &str = "-XX:+IgnoreUnrecognizedVMOptions\n-XX:+UnlockDiagnosticVMOptions\n-XX:ArchiveRelocationMode=0";

/// Warnings and errors on standard output, with the time; what Kafka says at INFO fills screens and start-up time.
pub const LOG_PROPERTIES_TEXT: &str = "\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
# The start-up line of a node, and nothing else at INFO.
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
# A controller that comes back tells the one in charge before it stopped that it is there. That one is not in charge yet, and
# says so with a stack trace; it is told again a moment later.
logger.apis.name = kafka.server.ControllerApis
logger.apis.level = warn
logger.apis.filter.again.type = StringMatchFilter
logger.apis.filter.again.text = apiKey=CONTROLLER_REGISTRATION
logger.apis.filter.again.onMatch = DENY
logger.apis.filter.again.onMismatch = NEUTRAL
";

/// The argument file for these words of [`class_path`]. The archive's flag is ignored by the JVM where the file is
/// missing or does not fit: that costs speed, never a start.
///
/// The archive is mapped where it was made for. By itself OpenJDK 17 maps it anywhere else, for attackers not to know
/// where it lies: every node then has all its 60 MB to itself, and rewrites them as it starts. Mapped in place, what
/// none writes to is shared by all nodes: three take 326 MB instead of 410 (measured, Kafka 4.3.1, OpenJDK 17).
pub fn java_args(class_path: &[String]) -> String {
    let class_path = class_path.join("\n");
    format!("{class_path}\n-XX:SharedArchiveFile={CLASS_ARCHIVE}\n-Xshare:auto\n{IN_PLACE}\n{}", rest())
}

/// The argument file of nodes with plug-ins, for these jars.
pub fn plug_in_args(jars: &[String]) -> String {
    format!("{}\n{}", class_path::plain(jars).join("\n"), rest())
}

/// What nodes are started with whatever their class path.
///
/// Where a name leads is looked up at each connection: engines give containers that come back each other's addresses, and
/// Java knows an address for half a minute. Connected to another broker than it meant, a follower is told in each answer
/// that this one does not lead, and stays so for ever.
fn rest() -> String {
    format!(
        "-XX:-UsePerfData\n-XX:+ExitOnOutOfMemoryError\n-Djava.awt.headless=true\n-Dsun.net.inetaddr.ttl=0\n\
         -Dlog4j2.configurationFile={LOG_PROPERTIES}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_node_keeps_an_address_that_another_may_have_by_now() {
        for args in [java_args(&[]), plug_in_args(&[])] {
            assert!(args.lines().any(|line| line == "-Dsun.net.inetaddr.ttl=0"), "{args}");
        }
    }
}
