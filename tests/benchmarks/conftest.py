"""What is measured compiles as a user's does."""

import os

from tests.flags import as_users_do

os.environ |= as_users_do()
