"""The broker: queues and their names, enqueueing in bulk, publishing events. RabbitMQ or Redis."""
