# SPDX-License-Identifier: BSD-3-Clause
"""What is made of the code and of the pages: lists of options, man pages, and the documentation as a site."""
