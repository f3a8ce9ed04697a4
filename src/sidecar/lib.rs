//! The guarding sidecar of a bottle, and the guest that runs beside the agent.
