#!/bin/sh
# An engine that never answers.
exec /bin/sleep 600
