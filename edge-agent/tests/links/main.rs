//! The links of the agent, each against the real protocol on its other side: a hub, a press, a broker.

mod asking;
mod broker;
mod channels;
mod coming_and_going;
mod commands;
mod controller;
mod corpus;
mod desk;
mod faulty_device;
mod fetching;
mod files;
mod floor;
mod folders;
mod gaps;
mod hostile;
mod hub;
mod jmf;
mod mis;
mod mqtt;
mod odd_devices;
mod peer;
mod press;
mod presses;
mod profiles;
mod returns;
mod runs;
mod simulator;
#[path = "../shared/simulator_program.rs"]
mod simulator_program;
mod submissions;
mod subscribers;
mod support;
mod tls;
mod truth;
mod uplink;
mod wire;
