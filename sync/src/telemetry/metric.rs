//! Names of metrics on which both sides rely: the agent writes them, the hub looks for them where nobody has set others.
//!
//! They are kept with the samples of years. Another name is another series, and a device without settings has no OEE from then on.

/// What a device has made, good or not, since it was switched on or reset: JMF `DeviceInfo/@ProductionCounter`.
pub const PRODUCTION_COUNTER: &str = "jmf.production_counter";

/// What was wasted of the jobs on a device, since each began: the sum of JMF `JobPhase/@Waste`.
pub const JOB_WASTE: &str = "jmf.job.waste";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_stay_as_they_are_stored() {
        assert_eq!(PRODUCTION_COUNTER, "jmf.production_counter");
        assert_eq!(JOB_WASTE, "jmf.job.waste");
    }
}
