mod connections;
mod proxying;
mod framing;
mod tunnels;
mod rig;
