//! The crate that all Signalbox functions share.

pub mod aws;
pub mod domain;
pub mod engine;
pub mod environment;
pub mod function;
pub mod http;
pub mod outside;
pub mod single_flight;
pub mod telemetry;
pub mod vendors;
