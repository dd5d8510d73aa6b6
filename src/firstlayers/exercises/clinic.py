"""The exercises of the track "The clinic".

One block an exercise: the course's answer, whose source learners can read, and below it what an answer
is asked, wrong answers that have a name, further right ones, and hints.
"""

import warnings

import torch
from torch import nn
from torch.nn import functional as F
from torchvision import transforms
from torchvision.transforms import v2

from firstlayers.exercises.observation import freeze, same
from firstlayers.exercises.registry import Exercise, Slip, add

# 01_common_mistakes


# 02_error_messages


# 03_old_snippets


def modern_step(model, optimizer, scheduler, images, labels):
    """Take one step on one batch, gradients clipped to norm 1 -> the loss, a float."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images), labels)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    return loss.item()


def _look_at_steps(sizes, *, steep, steps=3):
    def look(answer):
        inputs, outputs = sizes
        model = nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs))
        hits = []
        model.register_forward_hook(lambda *_: hits.append(1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
        images, labels = torch.rand(9, inputs) * steep, torch.arange(9) % outputs
        before = freeze([images, labels])
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, 0.25)  # left by somebody else
        losses, rates = [], []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(steps):
                losses.append(answer(model, optimizer, scheduler, images, labels))
                rates.append(optimizer.param_groups[0]["lr"])
        return {
            "result": freeze(losses[0]),
            "input changed": not same(before, freeze([images, labels]), 0, 0),
            "losses of all steps": freeze(losses),
            "learning rates after each step": freeze(rates),
            "weight afterward": freeze(model[1].weight),
            "bias afterward": freeze(model[1].bias),
            "hooks of the model used": len(hits) > 0,
            "warnings": len({str(warning.message) for warning in caught}),
        }

    return look


def _clip(model):
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)


def _no_clip(model):
    pass


def _step(
    *,
    first=lambda scheduler: None,
    clear=lambda optimizer: optimizer.zero_grad(),
    loss_of=lambda model, images, labels: F.cross_entropy(model(images), labels),
    clip=_clip,
    move=lambda optimizer: optimizer.step(),
    last=lambda scheduler: scheduler.step(),
    result=lambda loss: loss.item(),
):
    def modern_step(model, optimizer, scheduler, images, labels):
        first(scheduler)
        clear(optimizer)
        loss = loss_of(model, images, labels)
        loss.backward()
        clip(model)
        move(optimizer)
        last(scheduler)
        return result(loss)

    return modern_step


def _clip_by_hand(model):
    gradients = [parameter.grad for parameter in model.parameters()]
    size = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    for gradient in gradients:
        gradient /= size.clamp(min=1.0)


def _to_length_one(model):
    gradients = [parameter.grad for parameter in model.parameters()]
    size = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    for gradient in gradients:
        gradient /= size


def _each_by_itself(model):
    for parameter in model.parameters():
        nn.utils.clip_grad_norm_([parameter], 1.0)


def _cleared_at_the_end(model, optimizer, scheduler, images, labels):
    optimizer.zero_grad(set_to_none=False)
    loss = nn.CrossEntropyLoss()(model(images), labels)
    loss.backward()
    _clip_by_hand(model)
    optimizer.step()
    optimizer.zero_grad()
    scheduler.step()
    return float(loss.detach())


def _by_autograd_grad(model, optimizer, scheduler, images, labels):
    loss = F.nll_loss(model(images).log_softmax(dim=1), labels)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        parameter.grad = gradient
    _clip(model)
    optimizer.step()
    scheduler.step()
    return loss.item()


add(
    Exercise(
        name="modern_step",
        chapter="4_clinic/03_old_snippets",
        reference=modern_step,
        checked="3 models, each for three steps, with steep and with flat gradients",
        cases={
            "a steep loss": _look_at_steps((12, 4), steep=30.0),
            "a flat loss": _look_at_steps((6, 3), steep=0.3),
            "one step on a steep loss": _look_at_steps((20, 5), steep=50.0, steps=1),
        },
        slips=(
            Slip(
                "scheduler first",
                _step(first=lambda scheduler: scheduler.step(), last=lambda scheduler: None),
                "The scheduler went on before the optimizer had used its rate, so the first rate of the "
                "schedule is lost, and PyTorch warns. Who has to move first?",
            ),
            Slip(
                "scheduler forgotten",
                _step(last=lambda scheduler: None),
                "The learning rate never changes: nobody tells the scheduler that a step is done.",
            ),
            Slip(
                "not clipped",
                _step(clip=_no_clip),
                "Right where the gradients are small. Where they are large, the step is too long: they "
                "were not clipped, or at the wrong time. Between which two lines are they there, and not "
                "yet used?",
            ),
            Slip(
                "each entry clipped",
                _step(clip=lambda model: nn.utils.clip_grad_value_(model.parameters(), 1.0)),
                "Every entry of a gradient was cut off at 1 by itself, which changes the direction. The "
                "norm of all of them together is meant.",
            ),
            Slip(
                "each parameter by itself",
                _step(clip=_each_by_itself),
                "Each parameter's gradient was brought to norm 1 by itself. Weight and bias together may "
                "then be longer. Over how many parameters is the norm taken?",
            ),
            Slip(
                "always norm 1",
                _step(clip=_to_length_one),
                "Small gradients were stretched until their norm was 1. Clipping shortens what is too "
                "long, and leaves alone what is short.",
            ),
            Slip(
                "old name",
                _step(clip=lambda model: nn.utils.clip_grad_norm(model.parameters(), 1.0)),
                "All numbers are right, and there is a warning: a function was called by its old name. "
                "How do names end that work in place?",
            ),
            Slip(
                "gradients not cleared",
                _step(clear=lambda optimizer: None),
                "Old gradients were still there, and backward() adds to them. What has to happen before "
                "it?",
            ),
            Slip(
                "cleared before the step",
                _step(clip=lambda model: model.zero_grad()),
                "The gradients were cleared between backward() and step(), so the optimizer finds none "
                "and the weights stay. When is it time to clear?",
            ),
            Slip(
                "no step",
                _step(move=lambda optimizer: None),
                "The weights stay what they were: nobody asked the optimizer to move them.",
            ),
            Slip(
                "forward called",
                _step(
                    loss_of=lambda model, images, labels: F.cross_entropy(
                        model.forward(images), labels
                    )
                ),
                "All numbers are right, but the hooks that others have set on the model were passed over. "
                "How is a model called otherwise?",
            ),
            Slip(
                "softmax first",
                _step(
                    loss_of=lambda model, images, labels: F.cross_entropy(
                        model(images).softmax(dim=1), labels
                    )
                ),
                "There is a softmax before the loss, and the loss has one of its own. What should it be "
                "given?",
            ),
            Slip(
                "loss as a tensor",
                _step(result=lambda loss: loss),
                "The loss came back as a tensor of shape (). What makes one of Python's numbers of it, "
                "with no notes attached?",
            ),
            Slip(
                "item not called",
                _step(result=lambda loss: loss.item),
                "A method came back, because it was named and not called. What is missing behind it?",
            ),
        ),
        variants=(
            _step(),
            _step(clip=_clip_by_hand),
            _cleared_at_the_end,
            _by_autograd_grad,
        ),
        hints=(
            "Go through the old lines one by one. Three only change their names, one goes away, and one "
            "moves to another place.",
            "The wrapper goes away. The scheduler moves behind the optimizer. The gradients are clipped "
            "when they are there and not yet used. The loss has the shape (), and a float is asked for.",
            "zero_grad(), the loss of model(images), backward(), the clipping function whose name ends in "
            "an underscore, optimizer.step(), scheduler.step(), and at last item().",
        ),
    )
)


def modern_transform():
    """-> a transform: a gray picture of any size to (1, 28, 28), from -1 to 1."""
    return v2.Compose(
        [
            v2.Resize((28, 28)),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.5,), (0.5,)),
        ]
    )


def _picture(height, width):
    """Make a gray picture with a bright corner, a dark one, and a slope in between."""
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    pixels = 255 * (rows + 2 * columns) / (height + 2 * width - 3)
    return v2.functional.to_pil_image(pixels.round().to(torch.uint8))


def _look_at_transform(height, width):
    def look(answer):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            transform = answer()
            result = transform(_picture(height, width)) if callable(transform) else transform
        return {
            "result": freeze(result),
            "warnings": len({str(warning.message) for warning in caught}),
        }

    return look


def _parts(
    *, size=(28, 28), resize=v2.Resize, scale=True, statistics=((0.5,), (0.5,)), compose=v2.Compose
):
    def modern_transform():
        return compose(
            [
                resize(size),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=scale),
                v2.Normalize(*statistics),
            ]
        )

    return modern_transform


def _with_an_old_name():
    return v2.Compose([v2.Resize((28, 28)), v2.ToTensor(), v2.Normalize((0.5,), (0.5,))])


def _without_normalize():
    return v2.Compose([v2.Resize((28, 28)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])


def _without_resize():
    return v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.5,), (0.5,))]
    )


def _first_generation():
    return transforms.Compose(
        [
            transforms.Resize((28, 28)),
            transforms.ToTensor(),
            transforms.Normalize((0.5,), (0.5,)),
        ]
    )


def _by_functions():
    def transform(picture):
        pixels = v2.functional.pil_to_tensor(picture) / 255
        return v2.functional.resize(pixels, [28, 28], antialias=True) * 2 - 1

    return transform


def _image_first():
    return v2.Compose(
        [
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.5,), (0.5,)),
            v2.Resize((28, 28)),
        ]
    )


add(
    Exercise(
        name="modern_transform",
        chapter="4_clinic/03_old_snippets",
        reference=modern_transform,
        checked="4 pictures, among them two that are not square",
        cases={
            "28 by 28": _look_at_transform(28, 28),
            "56 by 56": _look_at_transform(56, 56),
            "40 by 60": _look_at_transform(40, 60),
            "20 by 14": _look_at_transform(20, 14),
        },
        slips=(
            Slip(
                "three means",
                _parts(statistics=((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))),
                "The image has three channels now, all alike, because three means were given. How many "
                "channels does a gray image have?",
            ),
            Slip(
                "short side only",
                _parts(size=28),
                "Right for square pictures. A single number is the length of the shorter side, and the "
                "longer one follows in proportion. What has to be given so that both are 28?",
            ),
            Slip(
                "cut out",
                _parts(resize=v2.CenterCrop),
                "The middle of the picture was cut out, and the rest is lost. The whole picture should be "
                "made smaller or larger.",
            ),
            Slip(
                "size left",
                _without_resize,
                "The pictures keep their sizes. The first of the old lines brought them all to one size, "
                "and it has another name today.",
            ),
            Slip(
                "old name",
                _with_an_old_name,
                "All numbers are right, and there is a warning: one part is called by its old name. Two "
                "have taken its place, one that makes an image and one that changes the dtype.",
            ),
            Slip(
                "not scaled",
                _parts(scale=False),
                "The largest number is 509: the pixels became floats, but still went from 0 to 255. Which "
                "argument brings them into the range from 0 to 1?",
            ),
            Slip(
                "from 0 to 1",
                _without_normalize,
                "Black is at 0. It should be at -1. What subtracts a mean and divides by a standard "
                "deviation?",
            ),
            Slip(
                "not divided",
                _parts(statistics=((0.5,), (1.0,))),
                "The numbers go from -0.5 to 0.5. The mean is subtracted, and they are still to be "
                "divided by what makes them twice as large.",
            ),
            Slip(
                "statistics of MNIST",
                _parts(statistics=((0.1307,), (0.3081,))),
                "These are the mean and the standard deviation of MNIST. A good choice elsewhere, but the "
                "old lines had other numbers.",
            ),
            Slip(
                "parts without Compose",
                _parts(compose=list),
                "A list of parts came back, and nobody can call a list. What puts parts in a row, so that "
                "each gets what the one before it gave?",
            ),
        ),
        variants=(
            _by_functions,
            _first_generation,
            _image_first,
        ),
        hints=(
            "Of the three old parts, one has a new name, one became two parts, and one has too many "
            "numbers for a gray image.",
            "A gray image has one channel, so one mean and one standard deviation. The size is a pair, "
            "(height, width), or else only the shorter side is 28.",
            "v2.Compose of a list: Resize to a pair, ToImage, ToDtype to float32 with scale=True, and "
            "Normalize with (0.5,) twice.",
        ),
        atol=0.03,  # a picture and a tensor are resized with another rounding
    )
)
