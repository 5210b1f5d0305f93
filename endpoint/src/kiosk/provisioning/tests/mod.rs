//! Files from good and bad hands, and power that goes at every step.

mod cuts;
mod disk;
mod files;
mod hostile;

/// Every key, and secrets that are to go.
const FULL: &str = r#"[relay]
address = "relay.lan"
fingerprint = "456f-51ce-b50b-a474-fc84-828d-371b-b67a-ee9c-3824-b311-e42a-5e11-4014-bf0b-7d6c"
[account]
name = "maple"
email = "maple@example.org"
[room]
name = "Maple"
pin = "271828"
idle_code = "off"
[screen]
language = "vi"
theme = "light"
rotation = 90
settings_pin = "314159"
output = "HDMI-A-2"
keyboard = "de"
[wifi]
name = "Café"
password = "correct \"horse\""
country = "DE"
security = "wpa3"
[clock]
time_zone = "Etc/GMT+5"
servers = "ntp.lan 192.168.1.1"
[network]
interface = "wifi"
address = "192.168.1.20/24"
gateway = "192.168.1.1"
dns = "192.168.1.1"
[secrets]
wipe = true
"#;
