//! The links of the agent, each against the real protocol on its other side: a hub, a press, a broker.

mod broker;
mod gaps;
mod hub;
mod jmf;
mod mqtt;
mod peer;
mod press;
mod presses;
mod profiles;
mod support;
mod uplink;
