//! The nodes' ports on 127.0.0.1: free, ours, or somebody else's.

use futures_util::future::join_all;

use super::{
    report::{Category, Check, Status},
    within,
};
use crate::{
    error::{Error, Result},
    ops::planning::Draft,
};

/// Looks at every port of the plan.
pub(super) async fn checks(draft: &Draft<'_>) -> Vec<Check> {
    let asked = draft.plan.nodes.iter().map(|(&id, node)| async move {
        let conflict = within("looking for who holds a port", draft.conflict(id)).await;
        judge(node.port, &id.service(), draft.is_ours(node.port), conflict)
    });
    join_all(asked).await
}

/// Judges a port by who else holds it, or by why that could not be found out.
fn judge(port: u16, service: &str, is_ours: bool, conflict: Result<Option<Error>>) -> Check {
    let name = format!("port {port}");
    let state = if is_ours { "held by" } else { "free for" };
    match conflict {
        Ok(None) => Check::pass(Category::Ports, &name, format!("{state} {service}")),
        Ok(Some(error)) | Err(error) => Check::of_error(Category::Ports, &name, Status::Fail, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_ours_or_anothers() {
        assert_eq!(judge(9092, "kafka-1", false, Ok(None)).message, "free for kafka-1");
        assert_eq!(judge(9092, "kafka-1", true, Ok(None)).message, "held by kafka-1");
        let taken = Error::failed("port 9092 is taken by `nc`").hint("kill 7");
        let taken = judge(9092, "kafka-1", false, Ok(Some(taken)));
        assert_eq!((taken.status, taken.name.as_str()), (Status::Fail, "port 9092"));
        assert_eq!(taken.fix.as_deref(), Some("kill 7"));
        assert_eq!(judge(9092, "kafka-1", false, Err(Error::failed("no answer"))).status, Status::Fail);
    }
}
