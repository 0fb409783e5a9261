//! What the module does when it is asked to. Every action that changes something takes a key, and is done once for it.

mod adjust;
mod card;
mod draw;
mod input;
mod once;
mod package;
mod people;
mod redeem;
mod refund;
mod voucher;

use guildhall_sdk::{Fault, Value};

use input::Input;

/// Runs the action of that name.
pub fn run(name: &str, input: &Value) -> Result<Value, Fault> {
    let action = match name {
        "enrol" => people::enrol,
        "redeem" => redeem::redeem,
        "return_points" => redeem::return_points,
        "refund" => refund::refund,
        "grant" => adjust::grant,
        "import_points" => adjust::import,
        "merge_members" => adjust::merge,
        "card_issue" => card::issue,
        "card_top_up" => card::top_up,
        "card_spend" => card::spend,
        "card_refund" => card::refund,
        "card_cash_out" => card::cash_out,
        "card_block" => card::block,
        "voucher_issue" => voucher::issue,
        "voucher_block" => voucher::block,
        "voucher_reserve" => voucher::reserve,
        "voucher_redeem" => voucher::redeem,
        "voucher_release" => voucher::release,
        "voucher_roll_back" => voucher::roll_back,
        "package_sell" => package::sell,
        "package_use" => package::use_units,
        "package_return" => package::give_back,
        "refer" => people::refer,
        "draw_open" => draw::open,
        "draw_play" => draw::play,
        "draw_close" => draw::close,
        _ => return Err(Fault::new("unknown_action", format!("There is no action {name}."))),
    };
    once::once(name, input, || action(&Input(input)))
}
