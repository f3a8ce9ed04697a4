//! The engine underneath: docker or podman, driven by its own command line.

mod cli;
mod containers;
mod images;
mod networks;
mod volumes;

pub(crate) use cli::{Answer, CONFIGURATION, Engine, Kind};
pub(crate) use containers::{Container, containers, find_container, inspect_containers};
pub(crate) use images::{Image, find_image, inspect_images};
pub(crate) use networks::{Network, find_network, inspect_networks, networks};
pub(crate) use volumes::{hex, inspect_volumes, volumes};
