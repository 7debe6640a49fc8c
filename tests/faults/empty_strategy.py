def process_initialize(context):
    pass
