//! Gangs: jobs that wait for each other to be run together.

use super::parameters::parameters;

parameters! {
    /// Which gangs to run now, with what they have (JDF 1.5, `ForceGang`). All if none is named.
    GangCmdFilter "GangCmdFilter" {
        /// The gangs.
        gang_names: Vec<String> = "GangNames",
    }

    /// Which gangs are asked for. All if none is named.
    GangQuFilter "GangQuFilter" {
        /// The gangs.
        gang_names: Vec<String> = "GangNames",
    }

    /// A gang that a device has.
    GangInfo "GangInfo" {
        /// Its name.
        gang_name: String = "GangName",
    }
}
