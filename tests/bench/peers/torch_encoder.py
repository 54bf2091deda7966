"""V's encoder in PyTorch on one core, without gradients: batch 64, pixels as bytes, as world_eye_look takes them. Prints a line
"name value unit", the median."""

import torch

from torch_training import Vae, median_ms


def encoder_ms(layout, batch=64, z=64):
    net = Vae(z).to(memory_format=layout).eval()
    images = torch.randint(0, 256, (batch, 3, 64, 64), dtype=torch.uint8).contiguous(memory_format=layout)

    def look():
        with torch.no_grad():
            net.encode(images.float() / 255)

    return median_ms(look, 3.0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(1)
    print(f"torch_encoder_batch64_ms {min(encoder_ms(torch.contiguous_format), encoder_ms(torch.channels_last)):.3f} ms")
