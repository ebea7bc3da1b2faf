# The generator: schema text to C tables
# SPDX-License-Identifier: GPL-2.0-or-later
