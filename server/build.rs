//! A release build embeds the site, so that a new site needs a new binary. (A debug build reads the
//! files when they are asked for.)

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../target/site");
    }
}
