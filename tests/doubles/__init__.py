"""Stand-ins for services outside this machine; they are real programs that listen on 127.0.0.1."""
