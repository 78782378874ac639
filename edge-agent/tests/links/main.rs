//! The links of the agent, each against the real protocol on its other side: a hub, a press, a broker.

mod broker;
mod channels;
mod commands;
mod controller;
mod faulty_device;
mod files;
mod floor;
mod gaps;
mod hub;
mod jmf;
mod mqtt;
mod odd_devices;
mod peer;
mod press;
mod presses;
mod profiles;
mod returns;
mod simulator;
#[path = "../shared/simulator_program.rs"]
mod simulator_program;
mod support;
mod truth;
mod uplink;
