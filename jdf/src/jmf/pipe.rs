//! Dynamic pipes: two processes that run at the same time, one feeding the other. `PipePull`, `PipePush`,
//! `PipePause` and `PipeClose` all carry the same parameters.

use super::parameters::parameters;
use crate::amount::PartAmount;
use crate::state::{NodeStatus, ResourceStatus};

parameters! {
    /// Which pipe, and what goes through it (JDF 1.5, pipe control).
    PipeParams "PipeParams" {
        /// The pipe, as the resource names it.
        pipe_id: String = "PipeID",
        /// The job.
        job_id: Option<String> = "JobID",
        /// The part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// The project.
        project_id: Option<String> = "ProjectID",
        /// How the sender's process stands.
        status: Option<NodeStatus> = "Status",
        /// How the resource stands after this.
        updated_status: Option<ResourceStatus> = "UpdatedStatus",
    }
    + children {
        /// How much of each part.
        amount_pool: Option<AmountPool> = "AmountPool",
    }
    + rest {
        /// The resource, its link, extensions.
        content = "Media MediaLink",
    }

    /// The amounts of parts (JDF 1.5, `AmountPool`).
    AmountPool "AmountPool" {}
    + children {
        /// One for each part.
        parts: Vec<PartAmount> = "PartAmount",
    }
}
