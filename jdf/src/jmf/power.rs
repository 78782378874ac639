//! Switching a device off and on.

use super::parameters::parameters;
use super::queue::QueueFilter;
use super::submission::FlushQueueParams;
use crate::state::ShutDownType;

parameters! {
    /// How to shut a device down (JDF 1.5, `ShutDown`).
    ShutDownCmdParams "ShutDownCmdParams" {
        /// How far; to stand-by if nothing is said.
        shut_down_type: Option<ShutDownType> = "ShutDownType",
    }
    + children {
        /// Which entries of the queue to throw away before.
        flush_queue: Option<FlushQueueParams> = "FlushQueueParams",
    }

    /// How to wake a device up (JDF 1.5, `WakeUp`).
    WakeUpCmdParams "WakeUpCmdParams" {}
}

impl ShutDownCmdParams {
    /// To this state, with the entries of the queue that a filter means thrown away before.
    pub fn flushing(shut_down_type: ShutDownType, filter: QueueFilter) -> Self {
        let flush_queue = FlushQueueParams {
            filter: Some(filter),
        };
        Self {
            shut_down_type: Some(shut_down_type),
            flush_queue: Some(flush_queue),
        }
    }
}
