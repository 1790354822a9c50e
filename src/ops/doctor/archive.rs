//! Whether the class-data archive does its work: a JVM lists where it takes its classes from, and every node is
//! looked at for the archive in its memory. Without it all works, only slower, and the JVM says nothing.

use futures_util::future::join_all;

use super::{
    Probe,
    cluster::Node,
    report::{Category, Check, Status},
    within,
};
use crate::{
    docker::Engine,
    model::NodeId,
    plan::{prepared, probe},
};

const NAME: &str = "class archive";

/// Where a JVM took its classes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Classes {
    /// Kafka's archive: the dynamic one, on top of the JVM's own.
    archive: usize,
    all: usize,
}

/// Lets a JVM of the prepared image say where its classes come from, and looks at the nodes that run.
///
/// Nodes with plug-ins do without the archive.
pub(super) async fn check(
    docker: &Engine,
    image: &str,
    nodes: &[Node<'_>],
    plug_ins: bool,
    probe: &Probe<'_>,
) -> Check {
    let lines = match probe.run(probe::NO_NETWORK, "classes", probe::list_classes(), image).await {
        Ok(lines) => lines,
        Err(error) => return Check::of_error(Category::Project, NAME, Status::Warning, &error),
    };
    let looked = nodes
        .iter()
        .filter_map(|node| Some((node.id, node.running()?)))
        .map(|(id, container)| async move { (id, has_mapped(docker, &container.id).await) });
    judge(classes(&lines), &join_all(looked).await, plug_ins)
}

/// Whether a node's JVM has the archive in its memory: it maps the file only after it has found it to fit. None
/// where the image has no `cat` to tell.
async fn has_mapped(docker: &Engine, container: &str) -> Option<bool> {
    let argv = ["cat", "/proc/1/maps"].map(str::to_owned);
    let (code, lines) = within("looking at a node's memory map", docker.exec_to_end(container, &argv)).await.ok()?;
    (code == 0).then(|| lines.iter().any(|line| line.ends_with(prepared::CLASS_ARCHIVE)))
}

/// Counts the JVM's lines `kafka.Kafka source: shared objects file (top)`.
fn classes(lines: &[String]) -> Classes {
    let sources = lines.iter().filter_map(|line| line.split_once(" source: ").map(|(_, source)| source));
    sources.fold(Classes::default(), |mut classes, source| {
        classes.all += 1;
        classes.archive += usize::from(source == "shared objects file (top)");
        classes
    })
}

fn judge(classes: Classes, nodes: &[(NodeId, Option<bool>)], plug_ins: bool) -> Check {
    let Classes { archive, all } = classes;
    if archive == 0 {
        return Check::warning(
            Category::Project,
            NAME,
            format!("the JVM takes none of {all} classes from {}: nodes start slower", prepared::CLASS_ARCHIVE),
            &format!("kdev down, docker image rm the {} image, kdev up (prepares it anew)", prepared::REPOSITORY),
        );
    }
    let seen = nodes.iter().filter(|(_, mapped)| mapped.is_some()).count();
    let without: Vec<String> =
        nodes.iter().filter(|(_, mapped)| *mapped == Some(false)).map(|(id, _)| id.service()).collect();
    let message = format!("a JVM takes {archive} of {all} classes from it");
    if plug_ins {
        let why = "the plug-ins of [kafka.config] need the usual class path, so nodes do without it and start slower";
        return Check::pass(Category::Project, NAME, format!("{message}; {why}"));
    }
    if !without.is_empty() {
        return Check::warning(
            Category::Project,
            NAME,
            format!("{message}, but not in use by {}", without.join(", ")),
            &format!("kdev restart {}", without.join(" ")),
        );
    }
    let message =
        if seen > 0 { format!("{message}; in use by {seen} of {} running nodes", nodes.len()) } else { message };
    Check::pass(Category::Project, NAME, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
[0.010s][info][class,load] java.lang.Object source: shared objects file
[0.100s][info][class,load] kafka.Kafka source: shared objects file (top)
[0.101s][info][class,load] kafka.Kafka$ source: shared objects file (top)
[0.200s][info][class,load] a.B source: file:/opt/kafka/libs/a.jar
4.3.1 (Commit:09e2)
";

    #[test]
    fn only_classes_of_kafkas_own_archive_count() {
        let lines: Vec<String> = LOG.lines().map(str::to_owned).collect();
        assert_eq!(classes(&lines), Classes { archive: 2, all: 4 });
    }

    #[test]
    fn the_archive_is_in_use_where_classes_come_from_it_and_nodes_have_it() {
        let used = Classes { archive: 2, all: 4 };
        let nodes = [(NodeId(1), Some(true)), (NodeId(2), Some(true))];
        assert_eq!(
            judge(used, &nodes, false).message,
            "a JVM takes 2 of 4 classes from it; in use by 2 of 2 running nodes"
        );
        assert_eq!(judge(used, &[(NodeId(1), None)], false).message, "a JVM takes 2 of 4 classes from it");
        let one_without = judge(used, &[(NodeId(1), Some(true)), (NodeId(2), Some(false))], false);
        assert_eq!((one_without.status, one_without.fix.as_deref()), (Status::Warning, Some("kdev restart kafka-2")));
        let with_plug_ins = judge(used, &[(NodeId(1), Some(false))], true);
        assert_eq!((with_plug_ins.status, with_plug_ins.fix), (Status::Pass, None));
        assert_eq!(judge(Classes { archive: 0, all: 4 }, &nodes, false).status, Status::Warning);
    }
}
