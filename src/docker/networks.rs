//! The project's network.

use std::{collections::HashMap, time::Duration};

use bollard::{
    models::{Network, NetworkCreateRequest},
    query_parameters::{InspectNetworkOptions, ListNetworksOptions},
};

use super::{
    Engine,
    fault::{self, Doing, gone_is_fine},
};
use crate::{
    error::{Error, Result},
    plan::NetworkPlan,
};

/// A network is in use for a moment after its last container was removed.
const BUSY_TRIES: u32 = 10;
const BUSY_STEP: Duration = Duration::from_millis(200);

impl Engine {
    /// Makes the network, and returns its id; one of this name with these labels is fine.
    ///
    /// Older engines let two of one name be made at once, and refuse the name as ambiguous from then
    /// on: all but one are removed again.
    ///
    /// # Errors
    /// Where a network of this name exists that is not ours, or the engine refuses.
    pub async fn create_network(&self, plan: &NetworkPlan) -> Result<String> {
        let doing = || format!("creating network {}", plan.name);
        let found = self.networks_named(&plan.name).await?;
        if found.iter().any(|network| !is_ours(network, plan)) {
            let error = Error::failed(format!("a network `{}` exists that is not this project's", plan.name));
            return Err(error.while_(doing()).hint(format!("docker network rm {}", plan.name)));
        }
        if found.is_empty() {
            let request = NetworkCreateRequest {
                name: plan.name.clone(),
                driver: Some("bridge".to_owned()),
                labels: Some(plan.labels.clone().into_iter().collect()),
                ..NetworkCreateRequest::default()
            };
            match self.quick().create_network(request).await {
                Err(failure) if !fault::reason(&failure).contains("already exists") => {
                    return Err(fault::error(doing(), failure));
                }
                _ => {}
            }
        }
        self.settle_network(plan).await
    }

    /// Starts a container on the project's network; one that runs already is fine. Where a second network of its name has
    /// come since the last look (a run that was killed had asked for it), one is removed first.
    ///
    /// # Errors
    /// As [`Engine::start`] and [`Engine::settle_network`].
    pub async fn start_on(&self, plan: &NetworkPlan, id: &str) -> Result<()> {
        match self.start(id).await {
            Err(error) if is_ambiguous(&error, &plan.name) => {
                self.settle_network(plan).await?;
                self.start(id).await
            }
            Err(error) if is_gone(&error) => {
                Err(error.hint("kdev up   (makes the network, and the container on it, anew)"))
            }
            result => result,
        }
    }

    /// Of several networks of one name keeps the one that has containers, else that of the lowest id:
    /// whoever else is at it chooses the same. Returns the id of the one that is kept.
    ///
    /// # Errors
    /// Where there is none, or the engine refuses: containers run on more than one.
    pub async fn settle_network(&self, plan: &NetworkPlan) -> Result<String> {
        let mut ranked = Vec::new();
        let found = self.networks_named(&plan.name).await?;
        for id in found.iter().filter(|network| is_ours(network, plan)).filter_map(|n| n.id.clone()) {
            let inspected = self.quick().inspect_network(&id, None::<InspectNetworkOptions>).await;
            match inspected {
                Ok(network) => {
                    let empty = network.containers.unwrap_or_default().is_empty();
                    ranked.push((empty, id));
                }
                Err(failure) if fault::is_missing(&failure) => {}
                Err(failure) => return Err(fault::error(format!("looking at network {}", plan.name), failure)),
            }
        }
        ranked.sort();
        let mut ranked = ranked.into_iter().map(|(_, id)| id);
        let kept = ranked.next().ok_or_else(|| {
            Error::failed(format!("the network {} was removed by somebody just after it was made", plan.name))
                .hint("kdev up, once more")
        })?;
        for extra in ranked {
            self.remove_network(&extra).await?;
        }
        Ok(kept)
    }

    /// Removes a network; one that is gone is fine.
    ///
    /// # Errors
    /// Where containers still use it, or the engine refuses.
    pub async fn remove_network(&self, id: &str) -> Result<()> {
        let mut tries = 0;
        loop {
            tries += 1;
            match gone_is_fine(self.quick().remove_network(id).await) {
                Ok(()) => return Ok(()),
                Err(failure) if tries < BUSY_TRIES && is_busy(&failure) => {
                    tokio::time::sleep(BUSY_STEP).await;
                }
                Err(failure) => {
                    let doing = format!("removing network {}", super::containers::short(id));
                    return Err(fault::error(doing, failure));
                }
            }
        }
    }

    async fn networks_named(&self, name: &str) -> Result<Vec<Network>> {
        let all = self.quick().list_networks(None::<ListNetworksOptions>).await;
        let all = all.doing(|| "listing networks".to_owned())?;
        Ok(all.into_iter().filter(|network| network.name.as_deref() == Some(name)).collect())
    }
}

fn is_ours(network: &Network, plan: &NetworkPlan) -> bool {
    carries(network.labels.as_ref(), &plan.labels)
}

/// Whether an object's labels say that it is of the same project and for the same thing.
pub(super) fn carries(
    labels: Option<&HashMap<String, String>>,
    wanted: &std::collections::BTreeMap<String, String>,
) -> bool {
    use crate::model::label::{DIRECTORY, PROJECT, ROLE};
    [PROJECT, DIRECTORY, ROLE].iter().all(|key| labels.and_then(|labels| labels.get(*key)) == wanted.get(*key))
}

/// Docker's words: "network blog-1a2b is ambiguous (2 matches found on name)".
fn is_ambiguous(error: &Error, network: &str) -> bool {
    error.message.contains(network) && error.message.contains("is ambiguous")
}

/// Docker's words for a container that was on a network that is gone: "network 44296cc5… not found".
fn is_gone(error: &Error) -> bool {
    error.message.contains("network") && error.message.ends_with("not found")
}

fn is_busy(failure: &bollard::errors::Error) -> bool {
    let reason = fault::reason(failure);
    reason.contains("active endpoints") || reason.contains("being used")
}
