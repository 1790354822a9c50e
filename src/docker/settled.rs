//! Questions to which the engine has no answer for a moment: of what is between two states.

use std::{future::Future, time::Duration};

use backon::{ConstantBuilder, Retryable};
use bollard::errors::Error as Fault;

/// How often, and how soon, what is between two states is asked for again: for five seconds.
const AGAIN: usize = 49;
const STEP: Duration = Duration::from_millis(100);

/// Asks again, where the engine's answer tells that an object is between two states.
pub(super) async fn once_settled<T, A: Future<Output = Result<T, Fault>>>(
    unsettled: impl Fn(&Fault) -> bool,
    ask: impl Fn() -> A,
) -> Result<T, Fault> {
    ask.retry(ConstantBuilder::new().with_delay(STEP).with_max_times(AGAIN)).when(unsettled).await
}

/// Whether the engine's answer holds what is no state to bollard, which then gives nothing of it. For a moment after a
/// container's process has ended, Podman calls it `stopped`, and `exited` once it has tidied up.
pub(super) fn is_unknown_state(fault: &Fault) -> bool {
    matches!(fault, Fault::JsonDataError { .. })
}
