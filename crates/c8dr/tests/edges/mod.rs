//! The faults, by what is wrong.

mod configuration;
mod dns_endpoint;
mod drills;
mod explain;
mod helm;
mod hostile;
mod index;
mod init;
mod interruptions;
mod lab_seen;
mod manners;
mod name_server;
mod network;
mod page;
mod people;
mod readiness;
mod records;
mod runbook;
mod saved_plans;
mod schema;
mod second_operator;
mod secrets;
mod servers;
mod terminal;
mod unstick;
mod why;
