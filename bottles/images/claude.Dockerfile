# Claude Code and the tools that it calls most.
FROM docker.io/library/node:22-bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git ripgrep \
    && rm -rf /var/lib/apt/lists/*
RUN npm install --global @anthropic-ai/claude-code
USER node
