//! A run's way: [`start`] → [`advance`], a [`slice`] at a time (what its kind does, see [`kinds`]) → [`end`] → [`publish`]. What
//! stops moving on that way is found by [`watchdog`], or at a [`restart`] of the host that held it; an operator may [`stop`] it, [`approve`] of what it would
//! remove and has it wait for ([`hold`]), or [`release`] its connection;
//! [`schedule`] starts what is due, [`on_record`] what somebody asks for, [`history`] shows what was.

pub mod advance;
pub mod approve;
pub mod batches;
pub mod context;
pub mod end;
pub mod given_up;
pub mod history;
mod hold;
pub mod kinds;
pub mod layers;
pub mod on_record;
pub mod publish;
pub mod release;
pub mod restart;
pub mod schedule;
pub mod slice;
pub mod start;
pub mod stop;
pub mod watchdog;
