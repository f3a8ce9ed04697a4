//! The whole sidecar in process, between an agent and origins of ours. All traffic is on loopback.

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod agent;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod confusion;
#[cfg(test)]
mod control;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod dlp_answers;
#[cfg(test)]
mod dlp_bodies;
#[cfg(test)]
mod dlp_heads;
#[cfg(test)]
mod dlp_placeholders;
#[cfg(test)]
mod dlp_settings;
#[cfg(test)]
mod dlp_websocket;
#[cfg(test)]
mod dlp_world;
#[cfg(test)]
mod h2;
#[cfg(test)]
mod h2_frames;
#[cfg(test)]
mod h2_load;
#[cfg(test)]
mod h2_streams;
#[cfg(test)]
mod live;
#[cfg(test)]
mod names;
#[cfg(test)]
mod origin;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod streaming;
#[cfg(test)]
mod table;
#[cfg(test)]
mod trailers;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod websocket;
#[cfg(test)]
mod websocket_h2;
#[cfg(test)]
mod world;
