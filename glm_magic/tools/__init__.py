"""What turns an answer into something Python can use: functions, schemas, MCP servers."""
