//! The one list of ids. Every id is its own type over a UUIDv7, so that a lot id can never be
//! passed where a job id is meant.
//!
//! Ids sort by the millisecond in which they were made. Time and randomness are passed in, so
//! that tests and the simulator make the same ids again.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rand::Rng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text was not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: expected a UUID such as 0198c0de-0000-7000-8000-000000000000")]
pub struct IdError {
    kind: &'static str,
    text: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new id from the clock and the generator that the caller owns.
            pub fn generate(now: Timestamp, rng: &mut (impl Rng + ?Sized)) -> Self {
                Self(uuid_v7(now, rng))
            }

            /// Takes an id that was made elsewhere.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The plain UUID, for storage.
            pub const fn uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_| IdError { kind: $kind, text: text.to_owned() })
            }
        }
    )+};
}

ids! {
    /// A company.
    TenantId = "a tenant id",
    /// A site of a company.
    PlantId = "a plant id",
    /// The edge process of a plant.
    AgentId = "an agent id",
    /// Whoever writes one ledger: an agent, or the office of a tenant.
    ProducerId = "a producer id",
    /// A press, finisher, scale or scanner.
    DeviceId = "a device id",
    /// A kind of material.
    MaterialId = "a material id",
    /// A traceable quantity of one material.
    LotId = "a lot id",
    /// A job of the office.
    JobId = "a job id",
    /// One executable step of a job on a device.
    WorkOrderId = "a work order id",
    /// A ledger event.
    EventId = "an event id",
    /// One hold on a lot.
    HoldId = "a hold id",
    /// One run of an agent, from its start to its end.
    RunId = "a run id",
    /// One request of a client; also the form of generated idempotency keys.
    RequestId = "a request id",
}

impl From<AgentId> for ProducerId {
    /// An agent is the producer of its own ledger.
    fn from(agent: AgentId) -> Self {
        Self(agent.0)
    }
}

fn uuid_v7(now: Timestamp, rng: &mut (impl Rng + ?Sized)) -> Uuid {
    let mut random = [0_u8; 10];
    rng.fill_bytes(&mut random);
    // A clock before 1970 is broken hardware; the id stays unique by its random part.
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let mut rng = StdRng::seed_from_u64(1);
        let early = LotId::generate(Timestamp::from_millisecond(1_000).unwrap(), &mut rng);
        let late = LotId::generate(Timestamp::from_millisecond(2_000).unwrap(), &mut rng);
        assert!(early < late);
        assert_eq!(early.uuid().get_version_num(), 7);
    }

    #[test]
    fn an_id_survives_its_text_form_and_other_text_is_refused_with_what_was_expected() {
        let id = JobId::generate(Timestamp::UNIX_EPOCH, &mut StdRng::seed_from_u64(2));
        assert_eq!(id.to_string().parse::<JobId>().unwrap(), id);
        let error = "job-7".parse::<JobId>().unwrap_err().to_string();
        assert!(
            error.starts_with("`job-7` is not a job id: expected a UUID"),
            "{error}"
        );
    }
}
