//! `ws rpc`.

use clap::Args;

use crate::duration::Patience;

/// `ws rpc`.
#[derive(Debug, Args)]
pub(crate) struct RpcArgs {
    /// After the end of stdin, end the calls that still wait when none has been answered for this time;
    /// 0 at once, `forever` never [default: 5]
    #[arg(long, value_name = "DURATION|forever", value_parser = Patience::parse)]
    pub(crate) wait: Option<Patience>,
}

pub(super) const RPC_EXAMPLES: &str = "\
Examples:
  echo '{\"id\":1,\"method\":\"Version\"}' | ws rpc
  printf '%s\\n' '{\"id\":1,\"method\":\"CreateConnection\",\"params\":[\"ws://127.0.0.1:9894\"]}' \\
    '{\"id\":2,\"method\":\"SendTextMessage\",\"params\":[\"c1\",\"hello\"]}' \\
    '{\"id\":3,\"method\":\"GetMessage\",\"params\":{\"Connection\":\"c1\",\"Timeout\":3000}}' | ws rpc
                                one message to 'ws serve --echo', one answer; the first client is c1
  {\"id\":1,\"method\":\"StartServer\",\"params\":{\"Port\":9000,\"Settings\":{\"address\":\"127.0.0.1\"}}}
  {\"id\":2,\"method\":\"GetNextConnectionData\",\"params\":{\"ServerObject\":\"s1\",\"Timeout\":5000}}
                                two lines of a program that runs 'ws rpc' as its child";
