//! What a step is done to, by which the next look knows what to ask for.

use super::Step;

/// What a step is done to. Whatever stands later changes what stands before it, too: where a network was made, containers
/// may be on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The cluster, by its own protocol: the engine holds what it held.
    Kafka,
    /// Containers: the engine's networks, volumes and images are what they were.
    Containers,
    /// Networks and volumes: images are what they were.
    Places,
    /// Images, or anything.
    Images,
}

impl Step {
    /// What the step is done to.
    pub fn target(&self) -> Target {
        match self {
            Step::Unregister { .. }
            | Step::Finalize { .. }
            | Step::SetBrokers { .. }
            | Step::UnsetBrokers { .. }
            | Step::ElectLeaders
            | Step::Limit { .. }
            | Step::Reassign { .. }
            | Step::Unlimit
            | Step::CreateTopic { .. }
            | Step::AddPartitions { .. }
            | Step::SetTopicConfig { .. }
            | Step::DeleteTopic { .. } => Target::Kafka,
            Step::CreateNode { .. }
            | Step::CreateApp { .. }
            | Step::Start { .. }
            | Step::Unpause { .. }
            | Step::Stop { .. }
            | Step::Remove { .. }
            | Step::SetAside { .. }
            | Step::PutBack { .. } => Target::Containers,
            Step::CreateNetwork
            | Step::SettleNetwork
            | Step::CreateVolume { .. }
            | Step::RemoveNetwork { .. }
            | Step::RemoveVolume { .. } => Target::Places,
            Step::Pull { .. }
            | Step::Prepare { .. }
            | Step::Build { .. }
            | Step::RemoveImage { .. }
            | Step::RemoveUnfinished { .. } => Target::Images,
        }
    }

    /// Whether the step is done to the cluster, by its own protocol.
    pub fn is_kafkas(&self) -> bool {
        self.target() == Target::Kafka
    }
}
