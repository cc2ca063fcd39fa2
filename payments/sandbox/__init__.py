"""The bank of the demo: it speaks the real protocols of WeChat Pay and Alipay with keys of its own.

Nothing here runs outside the demo. The bank keeps its own book beside the portal's database and is reached over HTTP.
"""
