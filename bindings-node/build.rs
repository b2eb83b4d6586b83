//! Tells the linker that Node itself provides the functions of Node-API.

fn main() {
    napi_build::setup();
}
